"""Settings: their schema, the config file, name patterns."""
