"""Bodies that the endpoints take, of every shape that they take: a module an API."""
