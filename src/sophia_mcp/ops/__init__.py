"""What every process needs: logs, clock, addresses, retries, breakers, streams, and tasks that outlive a call."""
