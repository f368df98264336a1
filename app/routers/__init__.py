"""HTTP: who may call, what goes in, what comes out."""
