"""The bodies that clients send, one module a resource: what is honoured, what changes nothing, what is refused."""
