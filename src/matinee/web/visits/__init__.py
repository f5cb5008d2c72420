"""One request of one visitor: who they are, what they rate, and how they log in and out."""
