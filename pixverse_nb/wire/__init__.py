"""What is said to the vendor, as values: no network object lives here."""
