"""The application as a Model Context Protocol server: assistants run, schedule and look after tasks by its tools."""
