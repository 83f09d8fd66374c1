;;; aid-proposal.el --- AID's proposals, asked for, shown and accepted  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Answers come to functions; nothing waits for them.  A proposal is text, as the daemon writes it: Markdown in a chat,
;; and the same without fences in a diff buffer.  Which proposal, file and hunk point is in is read from the text, so a
;; chat that was saved works when it is visited again.  What stands in brackets says what was accepted, and is a button.

;;; Code:

(require 'diff-mode)
(require 'aid-documents)

(cl-defstruct aid-asked
  "A prompt that is being answered: WORDS say what is done, CANCEL ends that."
  token root buffer update cancel (words "asking"))

(defvar aid--asked nil "The prompts that are being answered, the last one first.")

;;; Asking

(defun aid-request (root method params done &optional failed)
  "Ask METHOD with PARAMS of the daemon of the project at ROOT.
DONE is called with the result.  FAILED is called with what went wrong, in
words; without it the person is told.  The value is a function that cancels."
  (let ((connection (aid-connect root)) (failed (or failed #'aid--say)))
    (aid--adopt root)
    (aid--flush connection)
    (jsonrpc-async-request
     connection method `(:workspace ,(directory-file-name (file-local-name root)) ,@params) :timeout nil
     ;; by timer: sending from a process filter may lose messages (bug#60088)
     :success-fn (lambda (result) (run-at-time 0 nil done result))
     :error-fn (lambda (failure)
                 (run-at-time 0 nil failed (if (eq -1 (plist-get failure :code)) "the connection ended: ask again"
                                             (plist-get failure :message)))))
    (let ((id (slot-value connection 'sent)))
      (lambda () (when (jsonrpc-running-p connection) (jsonrpc-notify connection :$/cancelRequest (list :id id)))))))

(defun aid-prompt (root params update done &optional failed)
  "Ask for a change in the project at ROOT, by `aid/prompt' with PARAMS.
UPDATE is called with each update; DONE and FAILED are those of `aid-request'."
  (let* ((token (format "emacs-%d-%x" (emacs-pid) (random most-positive-fixnum)))
         (asked (make-aid-asked :token token :root root :buffer (current-buffer) :update update))
         (over (lambda (then value)
                 (setq aid--asked (delq asked aid--asked))
                 (force-mode-line-update t)
                 (funcall then value))))
    (setf (aid-asked-cancel asked)
          (aid-request root :aid/prompt `(:token ,token ,@params)
                       (apply-partially over done) (apply-partially over (or failed #'aid--say))))
    (push asked aid--asked)
    (force-mode-line-update t)))

(defun aid-asked-from (buffer)
  "Return what is being asked that was sent from BUFFER."
  (seq-filter (lambda (asked) (eq buffer (aid-asked-buffer asked))) aid--asked))

(defun aid-cancel (&optional buffer)
  "Cancel all that is being asked in this project, or only from BUFFER."
  (interactive)
  (dolist (asked aid--asked)
    (when (if buffer (eq buffer (aid-asked-buffer asked)) (equal (aid-root) (aid-asked-root asked)))
      (funcall (aid-asked-cancel asked)))))

(defun aid-quit ()
  "Cancel what was asked from this buffer, unless there is a region; then quit."
  (interactive)
  (unless (region-active-p) (aid-cancel (current-buffer)))
  (keyboard-quit))

;;; What the daemon says

(defun aid--told (connection method params)
  "Take the notification METHOD with PARAMS on CONNECTION."
  (pcase method
    ('aid/update
     (when-let* ((asked (seq-find (lambda (each) (equal (aid-asked-token each) (plist-get params :token))) aid--asked)))
       (when (plist-get params :line) (setf (aid-asked-words asked) (plist-get params :line)))
       (funcall (aid-asked-update asked) params)))
    ('aid/buildChanged (setf (slot-value connection 'build) params))
    ('textDocument/publishDiagnostics
     (puthash (plist-get params :uri) (append (plist-get params :diagnostics) nil) (slot-value connection 'diagnostics))
     (aid--report-diagnostics connection (plist-get params :uri)))
    ((or 'window/showMessage 'window/logMessage)
     (aid--say (plist-get params :message)
               (nth (plist-get params :type) '("debug" "error" "warning" "info" "debug" "debug")))))
  (force-mode-line-update t))

(defun aid--answer (connection method params)
  "Answer the request METHOD with PARAMS on CONNECTION."
  (if (eq method 'workspace/applyEdit) (aid--apply-edit connection (plist-get params :edit))
    (jsonrpc-error :code -32601 :message (format "Emacs has no %s" method))))

(defun aid--mode-line ()
  "Return the build's state and what is being done, for the mode line."
  (let* ((connection (and aid-root (aid--connection aid-root)))
         (build (if connection (slot-value connection 'build) '(:badge "off")))
         (said (and build (concat ":" (replace-regexp-in-string " (.*?)" "" (plist-get build :badge)))))
         (face (pcase (plist-get build :status) ("green" 'success) ("red" 'error)))
         (asked (seq-find (lambda (each) (equal aid-root (aid-asked-root each))) aid--asked))
         (doing (and asked (truncate-string-to-width (concat " " (aid-asked-words asked)) 32 nil nil t))))
    (string-replace "%" "%%" (concat " AID" (propertize (or said "") 'face face) doing))))

;;; Text that isn't the person's

(defun aid--replace (start end text)
  "Put TEXT in place of what is from START to END; undo stays the person's.
What they did in there can't be undone any more.  Return a marker at its end."
  (let* ((inhibit-read-only t) (start (+ start 0)) (end (+ end 0)) (size (length text))
         (deltas `((,start . ,(- end start)) (,start . ,(- size)))))
    (save-excursion
      (save-restriction
        (widen)
        (let ((buffer-undo-list t))
          (goto-char end)
          (insert text)
          (delete-region start end))))
    (cl-loop for entries on (and (listp buffer-undo-list) buffer-undo-list) do
             (setcar entries
                     (pcase (car entries)
                       (`(t . ,_) nil)  ; the text is not what is on disk any more
                       ((and entry (guard (and (< start end) (undo-elt-in-region entry start end)))) nil)
                       (`(apply ,(and (pred integerp) longer) ,first ,last . ,call)
                        `(apply ,longer ,(undo-adjust-pos first deltas) ,(undo-adjust-pos last deltas) . ,call))
                       (entry (undo-adjust-elt entry deltas)))))
    (copy-marker (+ start size))))

(defun aid-proposal-draw (&optional start)
  "Make buttons of what may be done, from START on."
  (save-excursion
    (goto-char (or start (point-min)))
    (while (re-search-forward "\\[\\(accept \\(?:all\\|file\\|hunk\\)\\|reject\\|diff\\|compare\\|undo\\)\\]" nil t)
      (unless (button-at (match-beginning 1))
        (make-button (match-beginning 0) (match-end 0) 'evaporate t 'follow-link t
                     'command (intern (concat "aid-" (string-replace " " "-" (match-string 1))))
                     'action (lambda (button)
                               (goto-char (button-start button))
                               (call-interactively (button-get button 'command))))))))

(defun aid-proposal--redraw (proposal)
  "Write what became of PROPOSAL where it is shown."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (save-excursion
        (goto-char (point-min))
        (when (and (derived-mode-p 'aid-chat-mode 'aid-diff-mode)
                   (search-forward (format "**Proposal %s**" (plist-get proposal :id)) nil t))
          (dolist (line (split-string (plist-get proposal :markdown) "\n"))
            (when (and (string-match "\\`\\(@@ .* @@ \\|### .*? \\|\\)\\(?:\\[[a-z ]+\\] ?\\)+\\'" line)
                       (re-search-forward (concat "^" (regexp-quote (match-string 1 line)) "\\[.*") nil t)
                       (not (equal line (match-string-no-properties 0))))
              (mapc #'delete-overlay (overlays-in (match-beginning 0) (match-end 0)))
              (goto-char (aid--replace (match-beginning 0) (match-end 0) line))))
          (aid-proposal-draw))))))

;;; Where point is

(defun aid-proposal--place ()
  "Return the id, file and number of the hunk that point is in, each nil for none."
  (let ((end (line-end-position)) id path hunk)
    (when (derived-mode-p 'aid-chat-mode 'aid-diff-mode)
      (save-excursion
        (goto-char (point-min))
        (while (re-search-forward (concat "^\\(?:\\*\\*Proposal \\(.+?\\)\\*\\*\\|\\(@@ \\)"
                                          "\\|### \\(.+\\) \\+[0-9]+ -[0-9]+ \\[\\|## \\)")
                                  end t)
          (cond ((match-string 1) (setq id (match-string-no-properties 1)))
                ((match-string 2) (setq hunk (if hunk (1+ hunk) 0)))
                (t (setq path (match-string-no-properties 3) hunk nil))))))
    (list id path (and path hunk))))

(defun aid-next-hunk (&optional count)
  "Go to the next hunk, or COUNT hunks on."
  (interactive "p")
  (goto-char (or (save-excursion
                   (end-of-line (if (and count (< count 0)) 0 1))
                   (and (re-search-forward "^@@ " nil t count) (line-beginning-position)))
                 (user-error "No more hunks"))))

(defun aid-previous-hunk (&optional count)
  "Go to the previous hunk, or COUNT hunks back."
  (interactive "p")
  (aid-next-hunk (- (or count 1))))

;;; Accepting

(defun aid-proposal--do (method &optional save part)
  "Ask METHOD of PART of the proposal at point: its file, its hunk, or nil for all.
Where point is in none, that is the newest one.  SAVE the buffers that change."
  (pcase-let ((`(,id ,path ,hunk) (aid-proposal--place)) (root (aid-root)))
    (unless (pcase part ('file path) ('hunk hunk) (_ t)) (user-error "Point is in no %s" part))
    (aid-request root method
                 `( :id ,id :through_editor t
                    ,@(pcase part ('file `(:files [,path])) ('hunk `(:hunks [(:path ,path :index ,hunk)]))))
                 (apply-partially #'aid-proposal--done root save))))

(defun aid-accept-all (save)
  "Accept the proposal at point.  With a prefix argument SAVE, save it, too."
  (interactive "P")
  (aid-proposal--do :aid/accept save))

(defun aid-accept-file (save)
  "Accept the file at point.  With a prefix argument SAVE, save it."
  (interactive "P")
  (aid-proposal--do :aid/accept save 'file))

(defun aid-accept-hunk (save)
  "Accept the hunk at point.  With a prefix argument SAVE, save its file."
  (interactive "P")
  (aid-proposal--do :aid/accept save 'hunk))

(defun aid-reject (&optional part)
  "Reject what is left at point; by a prefix PART the hunk, by two the file."
  (interactive "P")
  (aid-proposal--do :aid/reject nil (pcase part ('(4) 'hunk) ('(16) 'file))))

(defun aid-undo ()
  "Take back what was accepted last: of the proposal at point, else of all."
  (interactive)
  (aid-request (aid-root) :aid/undo (list :through_editor t :proposal (car (aid-proposal--place)))
               (apply-partially #'aid-proposal--done (aid-root) nil)))

(defun aid-proposal--done (root save outcome)
  "Say and show OUTCOME in the project at ROOT; SAVE the buffers it changed."
  (message "AID: %s" (plist-get outcome :line))
  (seq-doseq (path (and save (plist-get outcome :in_editor)))
    (with-current-buffer (find-file-noselect (expand-file-name path root)) (save-buffer)))
  (when (plist-get outcome :proposal)
    (aid-request root :aid/proposal (list :id (plist-get outcome :proposal) :markdown t)
                 #'aid-proposal--redraw #'ignore)))

;;; Views

(define-derived-mode aid-diff-mode diff-mode "AID-Diff"
  "A proposal as a diff; the keys are those of `aid-command-map'."
  (setq buffer-read-only t
        header-line-format " a all, f file, h hunk, r reject, n/p next/previous, e ediff, u undo, q quit")
  (setq-local minor-mode-overriding-map-alist nil))   ; `diff-mode' puts keys of its own above ours
(set-keymap-parent aid-diff-mode-map (make-composed-keymap aid-command-map diff-mode-map))
(define-key aid-diff-mode-map "q" #'quit-window)
(define-key aid-diff-mode-map [remap diff-apply-hunk] #'aid-accept-hunk)

(defun aid-diff (&optional id)
  "Show the proposal at point, or ID, in `diff-mode'."
  (interactive)
  (let ((root (aid-root)))
    (aid-request root :aid/proposal (list :id (or id (car (aid-proposal--place))) :markdown t)
                 (pcase-lambda ((map :id :markdown))
                   (pop-to-buffer (format "*aid %s*" id))
                   (let ((inhibit-read-only t))
                     (erase-buffer)
                     (insert (replace-regexp-in-string "^```+.*\n?" "" markdown)))
                   (aid-diff-mode)
                   (setq default-directory root aid-root root)
                   (aid-proposal-draw)
                   (goto-char (point-min))
                   (re-search-forward "^@@ .*\n" nil t)))))

(defun aid-compare ()
  "Compare the file at point with what would become of it, by ediff."
  (interactive)
  (pcase-let ((`(,id ,path) (aid-proposal--place)) (root (aid-root)))
    (aid-request root :aid/proposed (list :id id :path (or path (user-error "Point is in no file")))
                 (pcase-lambda ((map (:files (seq (map :path :old_path :text)))))
                   (let* ((now (find-file-noselect (expand-file-name (or old_path path) root)))
                          (coding (or (buffer-local-value 'buffer-file-coding-system now) 'utf-8)))
                     (with-current-buffer (get-buffer-create (format "*aid %s*" path))
                       (erase-buffer)
                       (insert (decode-coding-string (encode-coding-string (or text "") 'utf-8) coding))
                       (let ((buffer-file-name (buffer-file-name now))) (set-auto-mode))
                       (ediff-buffers now (current-buffer))))))))

(provide 'aid-proposal)
;;; aid-proposal.el ends here
