import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { checkScenes, readCells } from '../../walkthrough/recording/recordNotebook.js'
import { fillAndTime, readRecorded, readScript, SCRIPT, textFiles } from '../../walkthrough/text/files.js'
import { pictureOf } from '../../walkthrough/text/page.js'
import { scenesOf } from '../../walkthrough/text/script.js'
import { checkLengths } from '../../walkthrough/text/timeline.js'
import { PAGE_PICTURES_BYTES } from '../../walkthrough/video/pagePictures.js'

const root = path.resolve(import.meta.dirname, '../..')

describe('walkthrough/script.yaml', () => {
  const script = readScript(SCRIPT)
  const recorded = readRecorded()

  it('has the five sections of the tutorial, each about as long as there', () => {
    assert.deepEqual(
      script.sections.map(({ minutes }) => minutes),
      [2, 3, 3, 4, 3],
    )
    assert.deepEqual(checkLengths(fillAndTime(script, recorded).timeline), [])
  })

  it('shows cells that the notebook has', () => {
    checkScenes(scenesOf(script), readCells())
  })

  it('says no figure that was not measured', () => {
    // Numbers in digits come from placeholders; what is written in words is no measurement.
    const said = script.sections.flatMap(({ scenes }) => scenes.flatMap(({ parts }) => parts.map(({ say }) => say)))
    for (const text of said) {
      assert.doesNotMatch(text.replace(/\{[^}]*\}/g, '').replace(/\bo1\b|\bR1\b|R1-Zero|GSM8K/g, ''), /\d/, text)
    }
  })

  it('is what page, captions and chapters were made of', () => {
    for (const [name, content] of Object.entries(textFiles(script, recorded))) {
      const message = `${name} is not what walkthrough/script.yaml makes; remake it with npm run walkthrough -- --text`
      assert.equal(fs.readFileSync(path.join(root, name), 'utf8'), content, message)
    }
  })

  it('has a picture on the page for every scene, together small', () => {
    const pictures = scenesOf(script).map((scene) => path.join(root, 'docs', pictureOf(scene)))
    const folder = path.join(root, 'docs/images/walkthrough')
    const kept = fs.readdirSync(folder).map((name) => path.join(folder, name))
    assert.deepEqual(kept.sort(), pictures.sort(), 'remake the pictures with npm run walkthrough')
    const bytes = pictures.reduce((sum, file) => sum + fs.statSync(file).size, 0)
    assert.ok(bytes <= PAGE_PICTURES_BYTES, `${bytes} bytes`)
  })
})
