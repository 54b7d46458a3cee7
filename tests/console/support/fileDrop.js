/** Drops a file on a drop zone, as a mouse does. */
export async function dropFile(zone, name, bytes) {
  const data = await zone.page().evaluateHandle(
    ({ name, base64 }) => {
      const transfer = new DataTransfer();
      transfer.items.add(
        new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name),
      );
      return transfer;
    },
    { name, base64: bytes.toString("base64") },
  );
  await zone.dispatchEvent("dragover", { dataTransfer: data });
  await zone.and(zone.page().locator(".file-drop.over")).waitFor();
  await zone.dispatchEvent("drop", { dataTransfer: data });
}
