"""What is left after a process died at each labelled point, with real processes and a real agent."""
