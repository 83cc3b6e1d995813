"""Questions to answers: what is asked, what may answer, what is shown."""
