"""Previews of files: made, limited, serialized."""
