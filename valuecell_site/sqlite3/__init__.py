"""Django's SQLite backend, with turns for the threads of one process that want to write (`turns`)."""
