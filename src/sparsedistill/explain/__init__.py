"""Why a student answers as it does."""
