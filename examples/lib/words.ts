export function polite(s: string): string {
  return s + ", please";
}
