"""Resources in containers: the Solid Protocol and LDP."""
