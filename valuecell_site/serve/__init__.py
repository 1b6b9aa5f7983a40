"""What `manage.py serve` and `manage.py runner` are made of.

startup     limits, migrations, the admin user: what has to be true before anything is served
agents      the sample agents' process
server      Daphne's server: the runner in its loop, the way down on SIGTERM
protocol    its WebSockets, with a transport that the hub writes to directly
work        the runner and the agents' supervision, in the server's loop
ending      ends this process with its parent, and in time
"""
