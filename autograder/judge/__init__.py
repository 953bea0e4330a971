"""Test cells run in a process of their own: what they know of a student's work is plain data that came over a socket."""
