"""The page that a student gets back: points, diagnoses in words, the own work; nothing hidden, nothing that runs."""
