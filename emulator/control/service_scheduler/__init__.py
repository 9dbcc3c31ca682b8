"""The scheduler's plans carried out: tasks started and stopped as records, and what its decisions need to know."""
