"""Text for the terminal: pictures, tables, the live view, and files that a user asks for."""
