"""The Docker Engine, through its SDK: the only room that knows it."""
