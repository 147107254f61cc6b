"""Scripts behind the figures of README and docs; never imported by the app."""
