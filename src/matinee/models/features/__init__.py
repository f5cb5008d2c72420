"""What is known of users and items besides ratings, as features that a model learns from."""
