import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// File names carry no hash: the server answers with entity tags, and a build of
// the same source gives the same files.
export default defineConfig({
  // A component gets the page's one App when it is made, and never another.
  plugins: [svelte({ onwarn: (warning, say) => warning.code !== 'state_referenced_locally' && say?.(warning) })],
  base: '/',
  build: {
    outDir: '../internal/web/dist',
    emptyOutDir: true,
    modulePreload: false,
    assetsInlineLimit: 0,
    target: 'es2022',
    rollupOptions: {
      output: {
        entryFileNames: 'assets/page.js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/page[extname]',
      },
    },
  },
  server: { proxy: { '/api': process.env.MIDSTREAM ?? 'http://127.0.0.1:8081' } },
})
