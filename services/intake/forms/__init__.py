"""Forms: the questions that a category asks, as JSON Schemas in numbered versions."""
