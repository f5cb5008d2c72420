"""What protects visitors from strangers, and the server from floods."""
