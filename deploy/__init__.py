"""How a deployment of many processes is made: on this machine (`cluster`), by systemd, by compose."""
