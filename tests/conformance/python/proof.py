"""What is proven: a line for each check, and the total."""

passed = 0
failed = 0


def proven(what, holds, seen=None):
    """Prints whether `what` holds, and if not what was seen instead."""
    global passed, failed
    if holds:
        passed += 1
        print(f"ok      {what}", flush=True)
    else:
        failed += 1
        print(f"FAILED  {what}: {shown(seen)}", flush=True)


def shown(seen):
    """What the SDK has made objects of, as it was."""
    return seen.as_dict() if hasattr(seen, "as_dict") else repr(seen)


def total():
    """Prints the total; the exit code that says it."""
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0
