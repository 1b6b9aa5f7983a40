#!/usr/bin/env python
"""Django's command line for ValueCell Tasks."""

import os
import sys


def main() -> None:
    """Run the management command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "valuecell_site.settings")
    from django.core.management import execute_from_command_line

    from valuecell_site.environment import WrongSetting

    try:
        execute_from_command_line(sys.argv)
    except WrongSetting as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
