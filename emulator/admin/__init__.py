"""What `/_emulator/` answers: the paths, and what they show. It reads what is, and asks the deciders why."""
