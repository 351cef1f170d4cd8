// What the scripts of real browsers share.

import crypto from 'node:crypto'
import http from 'node:http'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium } from 'playwright-core'

const { CHROMIUM, SCREENS } = process.env

export function check(condition, what) {
  if (!condition) throw new Error(`failed: ${what}`)
  console.log('ok:', what)
}

/** A browser: Debian's Chromium. */
export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
}

/** A site of somebody else's on the loopback network, which answers everything with this page. */
export async function site(host, html, port = 0) {
  const server = http.createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html')
    answer.end(html)
  })
  await new Promise((ready) => server.listen(port, '127.0.0.1', ready))
  return { origin: `http://${host}:${server.address().port}`, close: () => server.close() }
}

/** A picture of the page for docs/screens, when SCREENS names a folder. */
export async function picture(page, name) {
  if (SCREENS) await page.screenshot({ path: `${SCREENS}/${name}.png` })
}

/** WEB-04: axe finds nothing serious, and every page has a language, a title and one heading. */
export async function accessible(page, name) {
  const { violations, passes } = await new AxeBuilder({ page }).analyze()
  const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
  check(passes.length > 0 && serious.length === 0, `${name} is accessible ${JSON.stringify(serious)}`)
  const faults = await page.evaluate(() => {
    const found = []
    if (!document.documentElement.lang) found.push('no language')
    if (!document.title) found.push('no title')
    if (document.querySelectorAll('h1').length !== 1) found.push('not one heading')
    for (const script of document.querySelectorAll('script')) {
      if (!script.src) found.push('a script in the page')
    }
    return found
  })
  check(faults.length === 0, `${name} is in order ${faults}`)
}

/** Presses Tab until this has the focus: nothing on a page may be out of the keyboard's reach. */
export async function reach(page, selector) {
  for (let presses = 0; presses < 40; presses += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return
    await page.keyboard.press('Tab')
  }
  check(false, `the keyboard reaches ${selector}`)
}

/** The code of an authenticator app for this key now (RFC 6238). */
export function totp(secret) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0'))
  const key = Buffer.from(bits.join('').match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const tag = crypto.createHmac('sha1', key).update(step).digest()
  const word = tag.readUInt32BE(tag[19] & 15) & 0x7fffffff
  return String(word % 1_000_000).padStart(6, '0')
}

/** Asks our API, and wants this status. */
export async function api(method, url, { token, body, status = 200 } = {}) {
  const headers = { 'content-type': 'application/json' }
  if (token) headers.authorization = `Bearer ${token}`
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) })
  const text = await answer.text()
  check(answer.status === status, `${method} ${new URL(url).pathname} ${answer.status} ${status === answer.status ? '' : text}`)
  return text ? JSON.parse(text) : null
}
