"""What RegisterTaskDefinition takes, checks, fills in and shows."""
