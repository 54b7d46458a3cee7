/** Lets go of a file over a place for one, as a mouse does. */
export async function drop(place, name, bytes) {
  const data = await place.page().evaluateHandle(({ name, base64 }) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
    return transfer;
  }, { name, base64: bytes.toString("base64") });
  await place.dispatchEvent("dragover", { dataTransfer: data });
  await place.and(place.page().locator(".drop.over")).waitFor();
  await place.dispatchEvent("drop", { dataTransfer: data });
}
