"""An engine without containers, for fast tests: it passes the same contract suite as Docker."""
