const limit = 300;

/** Refused text as a message shows it: whole unless so long that the message would be unreadable. */
export function excerpt(text: string): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length} characters)`;
}
