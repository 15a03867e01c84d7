"""Frozen values that every layer shares: requests, jobs, remote generations, notices, ratings."""
