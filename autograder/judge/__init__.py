"""Test cells run in a process of their own, which gets a student's results as data over a socket."""
