"""What tests need beside Python packages: the reasons to skip them where it is missing, with the remedy."""

from __future__ import annotations

NO_POSTGRESQL = "PostgreSQL is not installed; apt-get install postgresql"
NO_CHROMIUM = "Chromium is not installed; apt-get install chromium"
NO_NPM = "npm is not installed; apt-get install npm"
