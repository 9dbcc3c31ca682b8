"""What a task is and what becomes of it: states, its containers' order, its end, what it is told of itself."""
