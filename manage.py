#!/usr/bin/env python
"""Django's command line for ValueCell Tasks."""

import os
import sys


def main() -> None:
    """Run the management command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "valuecell_site.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from valuecell_site.environment import WrongSetting

    try:
        execute_from_command_line(sys.argv)
    except WrongSetting as error:
        sys.exit(str(error))
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        why = str(error).strip().splitlines()[0]
        sys.exit(f"The database cannot be used: {why}. Is it up, and is DATABASE_URL right? `manage.py doctor` looks.")


if __name__ == "__main__":
    main()
