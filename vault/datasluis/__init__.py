"""The data lock: what stands between the vault and every organisation."""
