/** Times in the zone of the process. A second is formatted once, whatever the number of records in it. */
export class LocalTime {
  private second = Number.NaN;
  private date = "";
  private time = "";
  private zone = "";

  /** `2026-01-15 09:30:00.123` */
  text(nowMs: number): string {
    this.turnTo(nowMs);
    const ms = Math.floor(nowMs - this.second * 1000);
    return `${this.date} ${this.time}.${digits(ms, 3)}`;
  }

  /** RFC 3339 to the microsecond, zeros at the end dropped: `2026-01-15T09:30:00.123456+01:00` */
  rfc3339(nowMs: number): string {
    this.turnTo(nowMs);
    const us = Math.floor((nowMs - this.second * 1000) * 1000);
    const fraction = us === 0 ? "" : `.${digits(us, 6).replace(/0+$/, "")}`;
    return `${this.date}T${this.time}${fraction}${this.zone}`;
  }

  private turnTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.second) return;
    this.second = second;
    const at = new Date(second * 1000);
    this.date = `${digits(at.getFullYear(), 4)}-${digits(at.getMonth() + 1, 2)}-${digits(at.getDate(), 2)}`;
    this.time = `${digits(at.getHours(), 2)}:${digits(at.getMinutes(), 2)}:${digits(at.getSeconds(), 2)}`;
    this.zone = zoneText(-at.getTimezoneOffset());
  }
}

function zoneText(offsetMinutes: number): string {
  if (offsetMinutes === 0) return "Z";
  const minutes = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? "-" : "+"}${digits(Math.floor(minutes / 60), 2)}:${digits(minutes % 60, 2)}`;
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
