"""`make demo`, the guided tour, and the small web image that it and the tests run."""
