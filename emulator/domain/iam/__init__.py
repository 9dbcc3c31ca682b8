"""Who may do what: AWS's evaluation of policies."""
