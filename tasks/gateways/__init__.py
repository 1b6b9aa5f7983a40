"""This application as a server for assistants and chat programs: each protocol is a room on the same ground."""
