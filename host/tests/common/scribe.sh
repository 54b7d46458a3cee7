#!/bin/sh
# In the compiler's place: writes down its environment, arguments and input in the folder of images, and fails.
tr '\0' '\n' < /proc/$$/environ > "$3/environment"
printf '%s\n' "$@" > "$3/arguments"
cat > "$3/component"
echo "error: cannot compile component -: it is broken" >&2
exit 2
