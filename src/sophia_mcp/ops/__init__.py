"""What every process needs: logs, clock, retries, breakers, streams, and tasks that outlive a call."""
