"""The application as an A2A agent: a message plans and runs as a person's would, and a plan is a remote task there."""
