"""The feedback page for a student: points, diagnoses, their own work; no hidden content, no active content."""
