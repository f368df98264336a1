"""LTV-Zaiko: inventory joined with customer lifetime value."""
