"""Routes: each translates HTTP into one call of a service."""
