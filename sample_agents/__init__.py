"""Three real A2A agents that ship with the project, and the small base class that they are written on.

They are programs of their own: nothing here imports Django or the application, and the application reaches
them over HTTP like any other agent. `python -m sample_agents --data-dir DIR` runs them;
`docs/writing-an-agent.md` teaches how to write another one.
"""

import os

# The A2A SDK opens a trace span for every queue operation. The switch is read when the SDK is first imported,
# so it is set here, in the one module that always comes before that.
os.environ.setdefault("OTEL_INSTRUMENTATION_A2A_SDK_ENABLED", "false")
