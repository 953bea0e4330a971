"""Test cells run in a process of their own: all they learn of a student's work is data that came over a socket."""
