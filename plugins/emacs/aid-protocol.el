;;; aid-protocol.el --- What goes over the wire to AID's daemon  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Written by `python -m aid.codegen' from aid/protocol.py; changes here are lost.
;;
;; What comes from the daemon is a plist without the fields that are at their
;; default.  Each accessor `aid-protocol-NAME-FIELD' knows that default, gives t or
;; nil for a boolean, and a list for an array.

;;; Code:

(defun aid-protocol--field (object key kind default)
  "Return the field KEY of OBJECT, a plist, as a KIND; DEFAULT where it is absent."
  (let ((value (if (plist-member object key) (plist-get object key) default)))
    (pcase kind
      ('boolean (eq value t))
      ('list (append value nil))
      (_ (if (eq value :json-null) nil value)))))

(defmacro aid-protocol--record (name &rest fields)
  "Define an accessor for each of FIELDS of the record NAME.
A field is (FIELD KIND DEFAULT)."
  (declare (indent 1))
  `(progn
     ,@(mapcar
        (lambda (field)
          (pcase-let ((`(,key ,kind ,default) field))
            `(defun ,(intern (format "aid-protocol-%s-%s" name (string-replace "_" "-" (symbol-name key)))) (object)
               ,(format "Return the field `%s' of OBJECT, a %s." key name)
               (aid-protocol--field object ,(intern (format ":%s" key)) ',kind ',default))))
        fields)))

(defconst aid-protocol-version 1
  "The protocol's version.")

(defconst aid-protocol-requests
  '(:aid/prompt
    :aid/proposal
    :aid/proposed
    :aid/proposals
    :aid/accept
    :aid/reject
    :aid/undo
    :aid/redo
    :aid/log
    :aid/chats
    :aid/chat
    :aid/forgetChat
    :aid/build
    :aid/models
    :aid/setModel
    :aid/status
    :aid/stats
    :aid/shutdown)
  "What the daemon answers, as jsonrpc.el names methods.")

(defconst aid-protocol-notifications
  '(:aid/update
    :aid/buildChanged)
  "What the daemon sends unasked, as jsonrpc.el names methods.")

(defgroup aid nil
  "Changes to a project by a local daemon, each checked by the project's build."
  :group 'tools)

(defcustom aid-command '("aid" "connect")
  "What is run to reach AID's daemon: a program and its arguments.
Give its full path if need be."
  :type '(repeat string))

(defcustom aid-enable t
  "Whether AID is started at all."
  :type 'boolean :safe #'booleanp)

(defcustom aid-log-level "warning"
  "How much is written to the plugin's log.
The daemon's own log is read with \"aid logs\"."
  :type '(choice (const "debug") (const "error") (const "info") (const "warning")))

;; A file the person names, relative to the workspace or absolute; with `first`
;; and `last`, those lines of it.
(aid-protocol--record file-ref
  (path value nil)
  (first value nil)
  (last value nil))

;; Text the person adds to a prompt: a region, a diff, an error. `title` says
;; in a few words what it is.
(aid-protocol--record attachment
  (title value nil)
  (text value nil))

;; A hunk of a proposal. It is accepted, or rejected, by `index`, from 0 in its
;; file.
;; `old_first` and `new_first` are the one-based lines at which it begins in
;; the file before and after, context included; `old_lines` and `new_lines` how
;; many it takes there, 0 where it only adds or only takes away. `text` is what
;; stands below `header` in the diff: lines that begin with a blank, "+", "-"
;; or (no newline at the end) a backslash. `accepted`: it is in the file
;; already. `rejected`: it was turned down; by its index it can be accepted all
;; the same.
(aid-protocol--record proposed-hunk
  (index value nil)
  (header value nil)
  (old_first value nil)
  (old_lines value nil)
  (new_first value nil)
  (new_lines value nil)
  (text value nil)
  (accepted boolean nil)
  (rejected boolean nil))

;; One without hunks (binary, renamed only, a mode) is accepted or rejected as
;; a whole, by its path.
;; `state` "open": something of it is left to decide, and nothing was accepted;
;; "partly": something was. "accepted": nothing is left to decide, and
;; something was accepted; "rejected": nothing was.
(aid-protocol--record proposed-file
  (path value nil)
  (status value nil)
  (old_path value nil)
  (added value 0)
  (removed value 0)
  (state value "open")
  (hunks list nil))

;; Zero-based lines and characters, end exclusive, as in LSP 3.17; characters
;; count code points.
;; A build that names only lines gives character 0 to the start of the line
;; after the last one.
(aid-protocol--record range
  (start_line value nil)
  (start_character value nil)
  (end_line value nil)
  (end_character value nil))

;; The text in `range` of `file` (relative to the workspace) becomes `text`.
(aid-protocol--record fix-edit
  (file value nil)
  (range plist nil)
  (text value nil))

;; What the compiler itself would write, in its own words. `sure`: it says the
;; fix keeps the code's meaning.
(aid-protocol--record fix
  (message value nil)
  (edits list nil)
  (sure boolean nil))

;; One message of a build. `file` is relative to the workspace, or None when
;; the build names none.
;; `fixes` are the compiler's own, each an alternative; only some compilers
;; print them so that they can be read.
(aid-protocol--record diagnostic
  (file value nil)
  (range plist nil)
  (severity value nil)
  (message value nil)
  (code value nil)
  (source value "")
  (fixes list nil))

;; A sign that a change games the check. `name` is the trick's ("warning-
;; silenced"), as `ces.hacks` lists them.
;; `line` is zero-based in the file after the change, or before it where the
;; line is gone.
(aid-protocol--record flag
  (name value nil)
  (path value nil)
  (line value nil)
  (message value ""))

;; What the build says of a change.
;; Green means the whole build is green after the change. Red carries in
;; `diagnostics` only the errors that the tree did not have before; `remaining`
;; counts those it already had and still has, `fixed` those gone. `unchecked`
;; (no build, no time) carries `reason` and must never be shown as green.
;; `components` has 1.0 or 0.0 for each stage that was reached, and only for
;; those. `reward` is None where the change could not be scored (the machine
;; failed, time ran out elsewhere): never 0 for that. `base` and `toolchain`
;; are digests of what it was judged against, None where that was the live
;; tree. `cached`: an earlier run's answer. `tests_run` counts the tests that
;; ended well, as their runners told, and `tests_expected` those that should
;; have: those that passed in the base, or with the reference (None: no tests
;; were come to, or nobody counted them; see `ces.evidence`). More may run,
;; where the base is red. `queue_ms` and `wall_ms` are this request's; `cpu_ms`
;; is that of the run that found the answer.
(aid-protocol--record verdict
  (status value nil)
  (stage value nil)
  (diagnostics list nil)
  (remaining value 0)
  (fixed value 0)
  (reason value nil)
  (adapter value nil)
  (wall_ms value 0.0)
  (components plist nil)
  (reward value nil)
  (flags list nil)
  (base value nil)
  (toolchain value nil)
  (tests_run value nil)
  (tests_expected value nil)
  (cached boolean nil)
  (queue_ms value 0.0)
  (cpu_ms value 0.0))

;; A diff someone may accept. `verdict.status` "unchecked" means just that;
;; `badge` is the verdict in words.
;; `state` "partly": not all of it was accepted; its files say whether
;; something is left. "undone": all that was accepted of it was taken back; it
;; may be accepted again. `at` is when it was made, in seconds since the epoch.
;; `markdown`, where it was asked for: the proposal as a chat in Markdown shows
;; it.
(aid-protocol--record proposal
  (id value nil)
  (request value nil)
  (workspace value nil)
  (model value nil)
  (diff value nil)
  (files list nil)
  (verdict plist nil)
  (badge value "")
  (summary value "")
  (at value 0.0)
  (state value "open")
  (markdown value ""))

;; `near`: one-based lines where the edit may have been meant.
(aid-protocol--record rejected-edit
  (path value nil)
  (reason value nil)
  (near list nil))

;; One attempt at an answer. `rejected` says what of it could not be placed.
(aid-protocol--record candidate
  (model value nil)
  (status value nil)
  (verdict plist nil)
  (rejected list nil)
  (attempts value 1))

;; What one context source gave the prompt, and what of it was cut for want of
;; room.
(aid-protocol--record source-use
  (source value nil)
  (tokens value nil)
  (cut_tokens value 0)
  (items list nil))

;; Milliseconds. `queue`: before the work began. `first_token`, `total`: from
;; the request's arrival.
;; `model` and `verify` are sums over candidates, which may run at once: they
;; can exceed `total`.
(aid-protocol--record timings
  (queue value 0.0)
  (context value 0.0)
  (first_token value nil)
  (model value 0.0)
  (verify value 0.0)
  (total value 0.0))

;; `proposal` None: nothing could be proposed, `reason` says why. `text` is the
;; whole answer, `prose` what of it is for the person to read: all but the
;; edits.
;; `prompt` is what was asked, with the daemon's own words where it worded it.
;; `markdown`, where the prompt was: the whole answer to be shown in place of
;; what streamed in.
(aid-protocol--record prompt-result
  (id value nil)
  (model value nil)
  (prompt value "")
  (text value "")
  (prose value "")
  (proposal plist nil)
  (candidates list nil)
  (sources list nil)
  (timings_ms plist nil)
  (applied value nil)
  (reason value nil)
  (markdown value ""))

;; What happens while a prompt is answered. `kind` says which of the other
;; fields are there.
;; "sources": `sources`. "text": `text`, a piece of the answer from `model`.
;; "reasoning": `text`. "candidate": `candidate` (and `proposal` when it could
;; be placed). "status": `text`, one line for the person. "restart": a new
;; daemon begins the request again, so forget what its updates said so far;
;; nothing else is there. `line` is that in words, for a line of progress; ""
;; for what is only drawn as it streams in.
(aid-protocol--record update-params
  (request value nil)
  (kind value nil)
  (token value nil)
  (text value "")
  (line value "")
  (model value "")
  (sources list nil)
  (candidate plist nil)
  (proposal plist nil))

;; `line` is the one-based line of a text at which the hunk's first change
;; stands.
(aid-protocol--record hunk-place
  (index value nil)
  (line value nil))

;; A file as it would be with all that is left to decide of a proposal, moved
;; onto the editor's own text where it has the file open. `places`: where the
;; hunks that are left are in that, in order. `reason`: why that can't be said.
;; A file that would be deleted has no text.
(aid-protocol--record proposed-text
  (path value nil)
  (old_path value nil)
  (text value "")
  (places list nil)
  (reason value nil))

;; Files of which nothing is left to decide are left out.
(aid-protocol--record proposed-result
  (files list nil))

;; Those of which something is left to decide, the newest first.
(aid-protocol--record proposals-result
  (proposals list nil))

;; A hunk by number, from 0, in its file's diff.
(aid-protocol--record hunk
  (path value nil)
  (index value nil))

(aid-protocol--record changed-file
  (path value nil)
  (status value nil)
  (old_path value nil)
  (added value 0)
  (removed value 0))

;; `applied`: the id to undo by, None when nothing was changed. `refused`: why
;; nothing was, by file.
;; `in_editor`: files changed in the editor's own buffers and not on disk;
;; undone there too (`UndoParams`). `line` is all that in words, `proposal` the
;; id of the proposal that it is of, where that is still kept.
(aid-protocol--record outcome-result
  (applied value nil)
  (in_editor list nil)
  (notes list nil)
  (files list nil)
  (refused list nil)
  (line value "")
  (proposal value nil))

;; `at` is seconds since the epoch.
(aid-protocol--record log-entry
  (id value nil)
  (at value nil)
  (state value nil)
  (files list nil)
  (summary value ""))

(aid-protocol--record log-result
  (entries list nil))

;; `title` is the first line of its first prompt, `at` the time of its last
;; turn, in seconds since the epoch.
(aid-protocol--record chat-entry
  (chat value nil)
  (title value nil)
  (turns value nil)
  (at value nil))

;; The chats of a workspace, the one last spoken in first.
(aid-protocol--record chats-result
  (chats list nil))

;; What was asked and answered. `attached` names the files and texts that came
;; with the prompt, as people write it.
;; `proposal` is an id for `aid/proposal`, which may have forgotten it since;
;; None: `reason` says why there was none.
(aid-protocol--record chat-turn
  (request value nil)
  (at value nil)
  (prompt value nil)
  (text value nil)
  (prose value "")
  (model value "")
  (attached list nil)
  (proposal value nil)
  (reason value nil))

;; A chat's turns in order; none where nothing was said yet.
;; `markdown`, where it was asked for: the same to be shown, with the proposals
;; that are still kept as they are now.
(aid-protocol--record chat-result
  (turns list nil)
  (markdown value ""))

(aid-protocol--record empty)

;; Which tests a build ran to their end, as far as their runners tell. A
;; skipped test didn't run.
;; `partial`: programs that are not in it had no reason to run again, so what
;; they did before stands.
(aid-protocol--record ran
  (tests plist nil)
  (partial boolean nil))

;; What the build says of a tree as it stands.
;; `reason` says in one line why the status is neither green nor red. `stage`
;; is the last stage reached. `cpu_ms` is what the build's commands took. `ran`
;; is None where no tests were come to. `short_of`: this stage can't be run
;; here (None: every stage can), and all before it is well.
(aid-protocol--record build-status
  (status value nil)
  (stage value nil)
  (diagnostics list nil)
  (reason value nil)
  (adapter value nil)
  (wall_ms value 0.0)
  (cpu_ms value 0.0)
  (ran plist nil)
  (short_of value nil))

;; The build of a workspace that an editor has open was started ("running") or
;; has said something.
;; `badge` is that in words, for a status bar. It is sent to those that ask for
;; it (`InitializationOptions`).
(aid-protocol--record build-changed-params
  (workspace value nil)
  (status value nil)
  (errors value 0)
  (warnings value 0)
  (badge value ""))

;; `default`: it answers when none is named; `chosen`: by `aid/setModel`, where
;; aid.toml names another.
(aid-protocol--record model-entry
  (name value nil)
  (backend value nil)
  (default boolean nil)
  (chosen boolean nil)
  (ready boolean t)
  (detail value ""))

(aid-protocol--record models-result
  (models list nil))

;; How often an early word was red, green or none, and how often the build's
;; own did not bear it out.
;; `false_reds`: red, where the build type-checked; `false_greens` the reverse.
(aid-protocol--record early-count
  (red value 0)
  (green value 0)
  (unsure value 0)
  (compared value 0)
  (false_reds value 0)
  (false_greens value 0))

;; `early`: what came of the early words on proposals, before the build's own;
;; None where there were none.
(aid-protocol--record workspace-status
  (root value nil)
  (files value 0)
  (indexed boolean nil)
  (clients value 0)
  (build plist nil)
  (early plist nil))

;; `rss_bytes`: the daemon's resident memory, without the model worker.
;; `config_error`: why aid.toml is unusable.
(aid-protocol--record status-result
  (version value nil)
  (protocol value nil)
  (pid value nil)
  (uptime_s value nil)
  (clients value nil)
  (requests_running value nil)
  (rss_bytes value nil)
  (workspaces list nil)
  (models list nil)
  (socket value "")
  (log value "")
  (config_error value nil))

;; What an editor may say in the `initializationOptions` of LSP's `initialize`.
;; `diagnostics` False: the build's errors are not published. `build_changed`:
;; send `aid/buildChanged`.
(aid-protocol--record initialization-options
  (diagnostics boolean t)
  (build_changed boolean nil))

;; What an editor's plugin lets a person set, under these names; everything
;; else is the daemon's aid.toml.
(aid-protocol--record editor-settings
  (command list ("aid" "connect"))
  (enable boolean t)
  (log_level value "warning"))

(provide 'aid-protocol)
;;; aid-protocol.el ends here
